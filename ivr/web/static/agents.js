"use strict";
// The skills matrix: a level becomes a choice where it stands, and a row is drawn anew after a change.

(() => {
  const answer = document.getElementById("answer");
  const rows = document.getElementById("rows");
  if (!rows) return;

  const redraw = (agent) => htmx.ajax("GET", `/agents/${encodeURIComponent(agent)}/row`, {
    target: `#agent-${CSS.escape(agent)}`, swap: "outerHTML",
  });
  let focusOn = "";

  document.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    const choice = target.querySelector && target.querySelector("[data-focus]");
    if (choice) choice.focus();
    if (target === answer) {
      const done = answer.querySelector("[data-reload]");
      if (done) redraw(done.dataset.reload);
    }
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!focusOn) return;
    const again = document.querySelector(`[data-keep="${CSS.escape(focusOn)}"]`);
    if (!again) return; // only the answer is there yet, the row comes after it
    focusOn = "";
    if (document.activeElement === document.body) again.focus();
  });
  // Who changed a level goes on from the same place.
  rows.addEventListener("change", (event) => {
    const form = event.target.closest("form");
    const row = event.target.closest("[data-agent]");
    if (form && row && form.elements.skill) focusOn = `${row.dataset.agent}/${form.elements.skill.value}`;
  });
  // Escape, or leaving without a choice, brings the level back.
  rows.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-agent]");
    if (event.key !== "Escape" || !event.target.matches("[data-focus]") || !row) return;
    focusOn = `${row.dataset.agent}/${event.target.form.elements.skill.value}`;
    redraw(row.dataset.agent);
  });
  answer.addEventListener("click", (event) => {
    if (!event.target.closest("[data-keep-it]")) return;
    event.preventDefault();
    answer.replaceChildren();
    rows.querySelectorAll("[data-agent]").forEach((row) => {
      if (row.querySelector("[data-focus]")) redraw(row.dataset.agent);
    });
  });

  // What agents do: those who signed out are shown so, and a row whose buttons no longer fit is drawn anew.
  const known = new Map();
  document.addEventListener("hotline:change", (event) => {
    for (const [name, html] of Object.entries(event.detail.set)) {
      if (!name.startsWith("doing/")) continue;
      const agent = name.slice(6);
      const paused = html.includes("badge warn");
      if (known.has(agent) && known.get(agent) !== paused) redraw(agent);
      known.set(agent, paused);
    }
    const present = event.detail.lists["agents-in"];
    if (!present) return;
    const here = new Set(present.map((name) => name.slice(6)));
    rows.querySelectorAll("[data-agent]").forEach((row) => {
      const shown = row.querySelector(".acts form") !== null;
      if (row.querySelector(".acts") && shown !== here.has(row.dataset.agent)) redraw(row.dataset.agent);
    });
  });
})();
