/** Owns the overlay that names every part and key; the browser keeps the focus in it, and gives it back. */

export class Help {
  #dialog = /** @type {HTMLDialogElement} */ (document.getElementById("help"));

  constructor() {
    for (const id of ["open-help", "close-help"]) document.getElementById(id)?.addEventListener("click", () => this.toggle());
    // A click beside what is written lands on the dialog itself.
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
  }

  get open() {
    return this.#dialog.open;
  }

  toggle() {
    if (this.#dialog.open) this.#dialog.close();
    else this.#dialog.showModal();
  }
}
