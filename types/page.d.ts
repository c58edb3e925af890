// What the type checker cannot know about the site's pages.
//
// With moduleDetection "force" this file is a module: what it adds to the browser's types is declared global.

declare global {
  // Selectors name elements of HTML; icons (SVG) are only shown. Callers annotate a more special element where they need one.
  interface ParentNode {
    querySelector<E extends HTMLElement = HTMLElement>(selectors: string): E | null;
    querySelectorAll<E extends HTMLElement = HTMLElement>(selectors: string): NodeListOf<E>;
  }
  interface Document {
    getElementById(elementId: "said"): HTMLElement; // for screen readers; on every page
  }
  interface Element {
    closest<E extends HTMLElement = HTMLElement>(selectors: string): E | null;
  }

  // Fields by their name. Which form has which is said in templates/.
  interface HTMLFormControlsCollection {
    csrf: HTMLInputElement;
  }

  interface ComposerForm extends HTMLFormElement {
    readonly elements: HTMLFormControlsCollection & {
      text: HTMLTextAreaElement;
      spoiler: HTMLInputElement;
      visibility: HTMLSelectElement;
      language: HTMLSelectElement;
      key: HTMLInputElement;
      at: HTMLInputElement;
      poll_seconds: HTMLSelectElement;
      reply_to?: HTMLInputElement;
    };
  }

  // What a composer keeps in this browser: its fields by name, and what was uploaded.
  type Draft = { [field: string]: string | undefined } & { media?: Kept[] };
  type Kept = { id: string; kind: string; preview?: string | null; description?: string };

  // The attachments of one composer.
  interface Pieces {
    count(): number;
    busy(): boolean;
    values(): Kept[];
    restore(values: Kept[]): void;
    reminds(): boolean;
  }

  // JSON that the site answers with.
  type Uploaded = Kept & { ready?: boolean; failed?: boolean; problem?: string; error?: string };
  type Completions = { count: number; html: string };
  type Token = { text: string; start: number; end: number };

  // Events between the scripts.
  interface DocumentEventMap {
    "compose:open": CustomEvent;
    "posts:added": CustomEvent;
    "posts:own": CustomEvent<string>;
  }
}

export {};
