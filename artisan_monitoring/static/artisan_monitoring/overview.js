/* The pages work without this. It puts times into the reader's zone, reads a chart out under the pointer, and renews
   the overview every ten seconds while somebody looks at it. */
"use strict";
(() => {
  const formats = {
    t: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    d: { day: "2-digit", month: "short" },
    l: { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  };
  const show = (seconds, as) => new Intl.DateTimeFormat([], formats[as] || formats.l).format(new Date(seconds * 1000));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";

  function localise(root) {
    for (const each of root.querySelectorAll("[data-as]")) each.textContent = show(Number(each.dataset.at), each.dataset.as);
    for (const slot of root.querySelectorAll(".am-slot, .am-deploy")) {
      const title = slot.querySelector("title");
      title.textContent = show(Number(slot.dataset.at), "l") + title.textContent.slice(title.textContent.indexOf(" · "));
    }
    for (const each of root.querySelectorAll(".am-zone")) each.textContent = zone;
    for (const each of root.querySelectorAll("footer time")) each.textContent = new Date(each.dateTime).toLocaleTimeString();
  }

  // Who has no pointer scrolls a table that is too wide with the arrow keys: it must be reachable for that.
  function reach(root) {
    for (const each of root.querySelectorAll(".am-scroll:not([role])")) {
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
      else each.removeAttribute("tabindex");
    }
  }

  function readOut(event) {
    const figure = event.target.closest && event.target.closest(".am-figure");
    for (const output of document.querySelectorAll(".am-readout")) {
      const slot = figure && figure.contains(output) && event.target.closest(".am-slot, .am-deploy");
      output.textContent = slot ? slot.querySelector("title").textContent : "";
    }
  }

  const page = document.getElementById("am-overview");
  localise(document);
  reach(document);
  addEventListener("resize", () => reach(document));
  if (!page || !page.dataset.refreshS) return;
  const body = document.getElementById("am-body");
  const text = document.getElementById("am-live-text");
  const everyMs = Number(page.dataset.refreshS) * 1000;
  let asOf = Date.now(), problem = "", timer = 0, busy = false;
  body.addEventListener("pointerover", readOut);
  body.addEventListener("pointerleave", readOut);

  function say() {
    const age = Math.max(0, Math.round((Date.now() - asOf) / 1000));
    const said = problem || (document.hidden ? "Paused" : `Live · ${age} s ago`);
    if (text.textContent !== said) text.textContent = said;
    text.setAttribute("role", problem ? "alert" : "none"); // a screen reader need not hear the seconds go by
    page.classList.toggle("am-lost", Boolean(problem));
  }

  // What a person unfolded, scrolled to or stands on with the keyboard stays so.
  function replace(fresh) {
    const within = (root, what) => [...root.querySelectorAll(what)];
    const open = within(body, "details").map((each) => each.open);
    const scrolled = within(body, ".am-scroll").map((each) => [each.scrollTop, each.scrollLeft]);
    const focused = within(body, "a, summary, [tabindex]").indexOf(document.activeElement);
    within(fresh, "details").forEach((each, at) => { each.open = Boolean(open[at]); });
    body.replaceChildren(...fresh.body.childNodes);
    within(body, ".am-scroll").forEach((each, at) => each.scrollTo(...(scrolled[at] || [0, 0]).reverse()));
    reach(body);
    if (focused >= 0) within(body, "a, summary, [tabindex]")[focused]?.focus({ preventScroll: true });
  }

  async function renew() {
    if (busy || document.hidden) return;
    const marked = document.getSelection();
    if (marked && !marked.isCollapsed && body.contains(marked.anchorNode)) return; // somebody is copying
    busy = true;
    try {
      const address = new URL(location.href);
      address.searchParams.set("fragment", "1");
      const answer = await fetch(address, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" } });
      if (answer.redirected) { problem = "Logged out: reload the page"; return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!fresh.querySelector(".am-stamp")) throw new Error("not the page");
      localise(fresh);
      replace(fresh);
      asOf = Date.now();
      problem = "";
    } catch (error) {
      problem = "No answer: trying again";
    } finally {
      busy = false;
      say();
    }
  }

  function start() {
    clearInterval(timer);
    timer = document.hidden ? 0 : setInterval(renew, everyMs);
    if (!document.hidden && Date.now() - asOf > everyMs) renew();
    say();
  }

  document.addEventListener("visibilitychange", start);
  setInterval(say, 1000);
  start();
})();
