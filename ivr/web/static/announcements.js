"use strict";
// The announcements' pages: chosen areas, lengths, quick times, files. Everything works without it, only less comfortably.

const one = (selector, of = document) => of.querySelector(selector);
const all = (selector, of = document) => [...of.querySelectorAll(selector)];
const escaped = (text) => CSS.escape(text);

// -- the list: shown afresh when something changed, but not under the hands of somebody who types

function typing(list) {
  const at = document.activeElement;
  return list.contains(at) && at.matches("input, textarea, select");
}

document.addEventListener("announcements-changed", () => {
  const list = one("#announcements");
  if (!list) return;
  if (typing(list)) one("#stale").hidden = false;
  else htmx.trigger(list, "announcements-refresh");
});

const done = one("#done");
if (done) done.focus();
const mistakes = one("#mistakes");
if (mistakes) (one('[aria-invalid="true"]') || mistakes).focus();

// -- the form: areas

const form = one("#compose");

function choose(path, count, on) {
  const chosen = one("#chosen");
  const chip = one(`#chosen input[data-area="${escaped(path)}"]`);
  all(`.areas input[data-area="${escaped(path)}"]`).forEach((box) => { box.checked = on; });
  if (!on && chip) chip.closest("li").remove();
  if (on && !chip) chosen.append(chipOf(path, count));
  htmx.trigger(document.body, "areas-changed");
}

function chipOf(path, count) {
  const item = document.createElement("li");
  const label = document.createElement("label");
  label.className = "chip";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.name = "areas";
  box.value = path;
  box.dataset.area = path;
  box.checked = true;
  const many = document.createElement("span");
  many.className = "muted";
  many.textContent = count;
  label.append(box, ` ${path.replaceAll("/", " / ")} `, many);
  item.append(label);
  return item;
}

// Only the chosen ones are sent: the tree's boxes show and change them.
function quiet(part) {
  all(".areas input[data-area]", part).forEach((box) => {
    box.removeAttribute("name");
    box.checked = Boolean(one(`#chosen input[data-area="${escaped(box.dataset.area)}"]`));
  });
}

// -- the form: the rest

function measure(text) {
  const place = one(`#length-${text.lang}`);
  if (!place.dataset.hint) place.dataset.hint = place.textContent || " ";
  const many = text.value.trim().length;
  const seconds = Math.round(many / 14);
  place.textContent = many
    ? text.dataset.length.replace("{n}", many).replace("{s}", seconds)
    : place.dataset.hint.trim();
  place.classList.toggle("warning", seconds > Number(text.dataset.advised));
}

function showTimes() {
  const kind = one('input[name="eta_kind"]:checked').value;
  one(".times-typed").hidden = kind === "unknown";
  one(".times-typed .from").hidden = kind !== "range";
}

function inHours(hours) {
  const at = new Date(Date.now() + hours * 3600e3);
  at.setMinutes(Math.ceil(at.getMinutes() / 5) * 5, 0, 0);
  const two = (n) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

function changed(field) {
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

async function readInto(input) {
  const field = one(`#${input.dataset.into}`);
  const text = (await input.files[0].text()).trim();
  field.value = [field.value.trim(), text].filter(Boolean).join("\n");
  input.value = "";
  changed(field);
}

if (form) {
  quiet(form);
  all("textarea[data-length]", form).forEach(measure);
  one(".quick", form).hidden = false;
  showTimes();
  form.addEventListener("input", (event) => {
    if (event.target.matches("textarea[data-length]")) measure(event.target);
  });
  form.addEventListener("change", (event) => {
    const box = event.target;
    if (box.matches("input[data-area]")) choose(box.dataset.area, countOf(box), box.checked);
    if (box.name === "eta_kind") showTimes();
    if (box.matches("input[data-into]") && box.files.length) readInto(box);
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.add) {
      choose(button.dataset.add, button.dataset.count, true);
      one("#area_search").value = "";
      one("#area_found").replaceChildren();
      one("#area_search").focus();
    }
    if (button.dataset.hours) {
      one("#eta").value = inHours(Number(button.dataset.hours));
      changed(one("#eta"));
    }
    if (button.dataset.remove) {
      one(`#${button.dataset.remove}`).replaceChildren();
      changed(one(".typing"));
    }
  });
  one("#area_search").addEventListener("keydown", (event) => {
    const first = one("#area_found button");
    if (event.key === "Enter") {
      event.preventDefault();
      if (first) first.click();
    } else if (event.key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    }
  });
  one("#area_found").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = all("#area_found button");
    (buttons[buttons.indexOf(document.activeElement) + step] || one("#area_search")).focus();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.closest(".areas")) quiet(event.target);
    if (/^recording-/.test(event.target.id)) {
      all(`input[type="file"]`, event.target.parentElement).forEach((input) => { input.value = ""; });
      changed(one(".typing"));
    }
  });
}

function countOf(box) {
  const node = box.closest(".node");
  return node ? one(".muted", node).textContent : "";
}
