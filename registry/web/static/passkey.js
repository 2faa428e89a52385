// Passkeys (WebAuthn): the one thing of the desks that no form can do. The page names the address
// to ask and to answer; without a script it leads to the code instead.
"use strict";
(() => {
  const box = document.getElementById("passkey");
  const said = document.getElementById("passkey-said");
  if (!box || !window.PublicKeyCredential) return;
  const start = document.getElementById("passkey-start");
  start.hidden = false;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const post = (address, body) =>
    fetch(address, { method: "POST", body, headers: { "Content-Type": "application/json" } });
  const known = (list) => (list || []).map((item) => ({ ...item, id: bytes(item.id) }));

  const make = async (options) => {
    options.challenge = bytes(options.challenge);
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = known(options.excludeCredentials);
    const made = await navigator.credentials.create({ publicKey: options });
    const credential = {
      id: made.id, rawId: text(made.rawId), type: made.type,
      response: {
        attestationObject: text(made.response.attestationObject),
        clientDataJSON: text(made.response.clientDataJSON),
      },
    };
    return { credential, label: document.getElementById("label").value };
  };
  const show = async (options) => {
    options.challenge = bytes(options.challenge);
    options.allowCredentials = known(options.allowCredentials);
    const shown = await navigator.credentials.get({ publicKey: options });
    const { authenticatorData, clientDataJSON, signature, userHandle } = shown.response;
    return {
      id: shown.id, rawId: text(shown.rawId), type: shown.type,
      response: {
        authenticatorData: text(authenticatorData), clientDataJSON: text(clientDataJSON),
        signature: text(signature), userHandle: userHandle ? text(userHandle) : undefined,
      },
    };
  };

  start.addEventListener("click", async () => {
    said.textContent = "请按浏览器提示操作……";
    try {
      const asked = await post(box.dataset.ask);
      if (!asked.ok) throw new Error();
      const options = await asked.json();
      const given = box.dataset.does === "make" ? await make(options) : await show(options);
      const answer = await post(box.dataset.answer, JSON.stringify(given));
      const told = (answer.headers.get("Content-Type") || "").startsWith("application/json")
        ? await answer.json() : {};
      if (!answer.ok || !told.next) throw new Error(told.text);
      window.location.assign(told.next);
    } catch (fault) {
      said.textContent = (fault && fault.name === "Error" && fault.message)
        || "未能完成，请重试；也可以返回上一页改用动态口令。";
    }
  });
})();
