"use strict";
// A watched page: takes what is new from the server, lets clocks tick, and says when there is no news.

(() => {
  const root = document.getElementById("watched");
  if (!root) return;
  const banner = document.getElementById("connection");
  const ahead = Number(root.dataset.now) - Date.now(); // the server's clock before ours
  const SILENT_MS = 10000;
  const RETRY_MS = 3000;
  let last = root.dataset.from;
  let heard = Date.now();
  let source = null;
  let failures = 0;

  const piece = (name) => root.querySelector(`[data-piece="${CSS.escape(name)}"]`);

  function made(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    return holder.content.firstElementChild;
  }

  function put(name, html, spare) {
    const fresh = made(html);
    const old = piece(name);
    tick(fresh);
    if (!old) {
      spare.set(name, fresh);
      return;
    }
    const within = old.contains(document.activeElement) ? document.activeElement : null;
    const open = [...old.querySelectorAll("details")].map((each) => each.open);
    old.replaceWith(fresh);
    fresh.querySelectorAll("details").forEach((each, n) => { each.open = open[n]; });
    htmx.process(fresh);
    if (within) focusAgain(fresh, within);
  }

  function focusAgain(fresh, within) {
    const tag = within.tagName.toLowerCase();
    const alike = within.dataset.keep ? fresh.querySelector(`[data-keep="${CSS.escape(within.dataset.keep)}"]`) : null;
    const found = alike || fresh.querySelector(tag);
    if (found) found.focus({ preventScroll: true });
  }

  function order(name, wanted, spare) {
    const body = root.querySelector(`[data-list="${name}"]`);
    if (!body) return;
    const rows = new Map([...body.children].map((row) => [row.dataset.piece, row]));
    const keep = new Set(wanted);
    rows.forEach((row, key) => { if (!keep.has(key)) row.remove(); });
    let at = body.firstElementChild;
    for (const key of wanted) {
      const row = rows.get(key) || spare.get(key);
      if (!row) continue;
      if (row === at) {
        at = at.nextElementSibling;
      } else {
        body.insertBefore(row, at);
        if (!rows.has(key)) htmx.process(row);
      }
    }
    const none = root.querySelector(`[data-empty="${name}"]`);
    if (none) none.hidden = wanted.length > 0;
  }

  function change(event) {
    hear();
    last = event.lastEventId;
    const { set, lists } = JSON.parse(event.data);
    const spare = new Map();
    for (const [name, html] of Object.entries(set)) put(name, html, spare);
    for (const [name, rows] of Object.entries(lists)) order(name, rows, spare);
    document.dispatchEvent(new CustomEvent("hotline:change", { detail: { set, lists } }));
  }

  function hear() {
    heard = Date.now();
    failures = 0;
    if (banner.hidden) return;
    banner.hidden = true;
    root.classList.remove("lost");
  }

  function lose() {
    if (!banner.hidden) return;
    const at = new Date(heard).toLocaleTimeString(document.documentElement.lang, { hour12: false });
    banner.textContent = root.dataset.lost.replace("{at}", at);
    banner.hidden = false;
    root.classList.add("lost");
  }

  function open() {
    if (source) source.close();
    source = new EventSource(`${root.dataset.events}?from=${encodeURIComponent(last)}`);
    source.addEventListener("open", hear);
    source.addEventListener("change", change);
    source.addEventListener("beat", hear);
    source.addEventListener("error", () => {
      lose();
      if (source.readyState !== EventSource.CLOSED) return;
      failures += 1;
      if (failures === 3) location.reload(); // the session is over, perhaps
      else setTimeout(open, RETRY_MS);
    });
  }

  function age(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const two = (n) => String(n).padStart(2, "0");
    return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  }

  function tick(within) {
    const now = Date.now() + ahead;
    within.querySelectorAll("time[data-since]").forEach((each) => {
      if (!each.title) each.title = each.textContent;
      each.textContent = age(now - Number(each.dataset.since));
    });
  }

  // The panel of one call.
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close-panel]")) return;
    event.preventDefault();
    document.getElementById("panel").replaceChildren();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const panel = event.detail.target.querySelector("[data-panel]");
    if (panel) panel.focus();
  });

  tick(root);
  setInterval(() => {
    tick(root);
    if (Date.now() - heard > SILENT_MS) {
      lose();
      open();
      heard = Date.now() - SILENT_MS + RETRY_MS;
    }
  }, 1000);
  open();
  window.addEventListener("pagehide", () => source && source.close());
})();
