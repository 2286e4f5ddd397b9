// The drawn flow: begin where the flow begins; a button fits it into the window and back.
"use strict";
const picture = document.querySelector(".picture");
const fit = document.getElementById("fit");
const centre = () => {
  const [first, window] = [picture.querySelector("[data-step]"), picture].map((each) => each.getBoundingClientRect());
  picture.scrollLeft += first.left + first.width / 2 - window.left - window.width / 2;
};
if (picture && fit) {
  centre();
  fit.hidden = false;
  fit.addEventListener("click", () => {
    const whole = picture.classList.toggle("whole");
    fit.setAttribute("aria-pressed", String(whole));
    if (!whole) centre();
  });
}
