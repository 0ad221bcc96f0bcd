"use strict";
const form = document.querySelector("form"), search = document.getElementById("search"), shown = document.getElementById("shown");
const entries = [...document.querySelectorAll("details[data-state]")];
function filter() {
  const text = search.value.trim().toLowerCase();
  const states = new Set([...form.querySelectorAll("input[name=state]")].filter(one => one.checked).map(one => one.value));
  let number = 0;
  for (const one of entries) {
    one.hidden = !(states.has(one.dataset.state) && one.querySelector("summary").textContent.toLowerCase().includes(text));
    number += !one.hidden;
  }
  for (const group of document.querySelectorAll(".group")) group.hidden = !group.querySelector("details[data-state]:not([hidden])");
  shown.textContent = `${number} of ${entries.length} shown`;
}
function follow() {
  const one = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (one instanceof HTMLDetailsElement) { one.hidden = false; one.closest(".group").hidden = false; one.open = true; one.scrollIntoView(); }
}
if (form) {
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  addEventListener("hashchange", follow);
  filter();
  follow();
}
