"use strict";
// What every page does with htmx: notices that can be closed, and a word when the page cannot be reached.

const errors = () => document.getElementById("errors");

function close(notice) {
  notice.remove();
}

function notice(text) {
  const part = document.createElement("div");
  part.className = "notice warn";
  part.dataset.notice = "lost";
  const line = document.createElement("p");
  line.textContent = text;
  part.append(line);
  errors().replaceChildren(part);
  addClose(part);
}

function addClose(part) {
  if (part.querySelector("button.close")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "close";
  button.setAttribute("aria-label", document.body.dataset.close);
  button.textContent = "×";
  button.addEventListener("click", () => close(part));
  part.append(button);
}

function found() {
  const lost = document.querySelector('[data-notice="lost"]');
  if (lost) close(lost);
}

document.addEventListener("htmx:afterSwap", () => errors().querySelectorAll("[data-notice]").forEach(addClose));
document.addEventListener("htmx:sendError", () => notice(document.body.dataset.lost));
document.addEventListener("htmx:timeout", () => notice(document.body.dataset.lost));
document.addEventListener("htmx:sseError", () => notice(document.body.dataset.lost));
document.addEventListener("htmx:sseOpen", found);
document.addEventListener("htmx:afterOnLoad", found);

// A menu closes when something else is touched, and by Escape.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    menu.open = false;
    menu.querySelector("summary").focus();
  });
});

// A button that cannot be taken back asks once more: the first press only changes its words.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-sure]");
  if (!button || button.dataset.asked) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  button.dataset.asked = "yes";
  const before = button.textContent;
  button.textContent = button.dataset.sure;
  setTimeout(() => {
    button.textContent = before;
    delete button.dataset.asked;
  }, 4000);
}, true);
