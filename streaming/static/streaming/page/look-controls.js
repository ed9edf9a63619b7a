/**
 * Owns which controls of the picture's look the address holds: each that has `data-look="name"`. Those are selects, boxes,
 * ranges, and radio buttons of one name; what they do is no matter here.
 */

/**
 * What is read of a control, and set.
 * @typedef {{type: string, value: string, checked?: boolean, defaultValue?: string, defaultChecked?: boolean, min?: string, max?: string,
 *   dataset: {look?: string}, options?: ArrayLike<{value: string, defaultSelected: boolean}>, dispatchEvent: (event: Event) => unknown}} Control
 */
/** @typedef {import("../state/address.js").Part} Part */

export class LookControls {
  /** @type {Map<string, Control[]>} */ #controls = new Map();

  /** @param {Iterable<Control>} controls */
  constructor(controls) {
    for (const control of controls) {
      const name = /** @type {string} */ (control.dataset.look);
      this.#controls.set(name, [...(this.#controls.get(name) ?? []), control]);
    }
  }

  get names() {
    return [...this.#controls.keys()];
  }

  /** The value of each control that is not as it begins. @returns {Record<string, string>} by name */
  get look() {
    const values = [...this.#controls].map(([name, group]) => /** @type {const} */ ([name, valueOf(group), firstValueOf(group)]));
    return Object.fromEntries(values.filter(([, value, first]) => value !== first).map(([name, value]) => [name, value]));
  }

  /** Sets every control, those that are not named to what they begin with. @param {Record<string, string>} look @returns {Part[]} those that cannot be */
  show(look) {
    const wrong = [];
    for (const [name, group] of this.#controls) {
      const value = look[name] ?? firstValueOf(group);
      if (!canBe(group, value)) wrong.push({ name, value });
      else if (value !== valueOf(group)) set(group, value);
    }
    return wrong;
  }
}

/** @param {Control[]} group radio buttons, or one control of another type */
function valueOf([control, ...more]) {
  if (control.type === "radio") return [control, ...more].find(({ checked }) => checked)?.value ?? "";
  if (control.type === "checkbox") return control.checked ? "1" : "0";
  return control.value;
}

/** @param {Control[]} group */
function firstValueOf([control, ...more]) {
  if (control.type === "radio") return [control, ...more].find(({ defaultChecked }) => defaultChecked)?.value ?? "";
  if (control.type === "checkbox") return control.defaultChecked ? "1" : "0";
  const options = Array.from(control.options ?? []);
  return options.length ? (options.find(({ defaultSelected }) => defaultSelected) ?? options[0]).value : (control.defaultValue ?? "");
}

/** @param {Control[]} group @param {string} value */
function canBe(group, value) {
  const [control] = group;
  if (control.type === "radio") return group.some((one) => one.value === value);
  if (control.type === "checkbox") return value === "0" || value === "1";
  if (control.options) return Array.from(control.options).some((option) => option.value === value);
  return /^-?\d+(\.\d+)?$/.test(value) && Number(value) >= Number(control.min) && Number(value) <= Number(control.max);
}

/** Whoever listens to the control hears of it as if a person had done it. @param {Control[]} group @param {string} value */
function set(group, value) {
  const control = group.find((one) => one.type === "radio" && one.value === value) ?? group[0];
  if (control.type === "radio") control.checked = true;
  else if (control.type === "checkbox") control.checked = value === "1";
  else control.value = value;
  for (const type of ["input", "change"]) control.dispatchEvent(new Event(type, { bubbles: true }));
}
