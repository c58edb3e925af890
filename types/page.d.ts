// Facts about the site's pages that the type checker cannot infer.
//
// With moduleDetection "force" this file is a module: its additions to the browser's types are declared global.

declare global {
  // Selectors match HTML elements; no script selects an SVG icon. Callers annotate a more specific type where they need one.
  interface ParentNode {
    querySelector<E extends HTMLElement = HTMLElement>(selectors: string): E | null;
    querySelectorAll<E extends HTMLElement = HTMLElement>(selectors: string): NodeListOf<E>;
  }
  interface Document {
    getElementById(elementId: "live-region"): HTMLElement; // for screen readers; on every page
  }
  interface Element {
    closest<E extends HTMLElement = HTMLElement>(selectors: string): E | null;
  }

  // Form fields by name; templates/ shows which form has which.
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

  // A draft in local storage: the composer's fields by name, and its attachments.
  type Draft = { [field: string]: string | undefined } & { media?: StoredAttachment[] };
  type StoredAttachment = { id: string; kind: string; preview?: string | null; description?: string };

  // The attachments of one composer.
  interface Attachments {
    count(): number;
    busy(): boolean;
    values(): StoredAttachment[];
    restore(values: StoredAttachment[]): void;
    remind(): boolean;
  }

  // JSON responses of the site.
  type Uploaded = StoredAttachment & { ready?: boolean; failed?: boolean; problem?: string; error?: string };
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
