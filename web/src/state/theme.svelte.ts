// Light or dark: as the system says, unless somebody chose.

export type Choice = "system" | "light" | "dark";

const KEY = "weir.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function kept(): Choice {
  const text = localStorage.getItem(KEY);
  return text === "light" || text === "dark" ? text : "system";
}

class Theme {
  choice = $state<Choice>(kept());
  #system = $state(dark.matches);
  dark: boolean = $derived(this.choice === "system" ? this.#system : this.choice === "dark");

  constructor() {
    dark.addEventListener("change", (event) => (this.#system = event.matches));
    this.#show();
  }

  choose(choice: Choice): void {
    this.choice = choice;
    if (choice === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
    this.#show();
  }

  #show(): void {
    if (this.choice === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = this.choice;
  }
}

export const theme = new Theme();
