/* The pages work without this. It copies an error as Markdown where a link would save it, and closes menus. */
"use strict";
(() => {
  const say = (link, text) => { link.parentElement.querySelector(".am-copied").textContent = text; };

  function copyBySelection(text) {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "am-sr";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  async function copy(link) {
    const text = fetch(link.href).then((response) => (response.ok ? response.text() : Promise.reject(response.status)));
    // The clipboard is there on secure pages only. A promise in the item keeps the right that the click gave.
    if (navigator.clipboard && window.ClipboardItem) {
      const blob = text.then((markdown) => new Blob([markdown], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    } else if (!copyBySelection(await text)) {
      throw new Error("not allowed");
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest(".am-copy");
    if (link) {
      event.preventDefault();
      copy(link).then(() => say(link, "Copied"), () => { window.location.assign(link.href); });
    }
    for (const menu of document.querySelectorAll(".am-menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector(".am-menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
})();
