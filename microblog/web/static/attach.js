// Media attachments of the composer: chosen, pasted or dropped files are uploaded at once, each with a field for its alt text.
//
// Without this script, the form's file fields do the same; here one button replaces them.

const MOST = 4;
const AGAIN_MS = 2_000; // between two polls of a file that is being processed
const said = document.getElementById("said");

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Partial<HTMLElementTagNameMap[T]>} properties
 * @param {HTMLElement[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/**
 * @param {HTMLFormElement} form
 * @param {() => void} changed called after an attachment was added, removed or processed
 * @returns {Pieces}
 */
export function attach(form, changed) {
  const list = /** @type {HTMLElement} */ (form.querySelector("[data-attachments]"));
  /** @type {HTMLDetailsElement | null} */
  const fold = list.closest("details");
  /** @type {HTMLFieldSetElement | HTMLDetailsElement | null} */
  const place = list.closest("fieldset, details");
  /** @type {HTMLInputElement | null} */
  const picked = form.querySelector("[data-picker] input");
  const add = element("button", { type: "button", className: "button small", textContent: "Add images, video or audio" });
  const input = element("input", { type: "file", multiple: true, hidden: true, accept: picked?.accept ?? "" });
  const reminder = element("p", { className: "reminder", hidden: true });
  form.querySelectorAll("[data-picker]").forEach((picker) => picker.remove());
  list.after(add, input, reminder);
  list.querySelectorAll("[data-media]").forEach(adopt);

  const pieces = () => [...list.querySelectorAll(".attachment")];
  const described = (/** @type {HTMLElement} */ piece) => /** @type {HTMLTextAreaElement | null} */ (piece.querySelector("textarea"));
  const ready = () => pieces().filter((piece) => piece.dataset.media && !piece.classList.contains("failed"));

  add.addEventListener("click", () => input.click());
  input.addEventListener("change", () => { take([...(input.files ?? [])]); input.value = ""; });
  form.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
  form.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("dropping");
  });
  form.addEventListener("dragleave", (event) => form.contains(/** @type {Node | null} */ (event.relatedTarget)) || form.classList.remove("dropping"));
  form.addEventListener("drop", (event) => {
    form.classList.remove("dropping");
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });

  /** @param {File[]} files */
  function take(files) {
    if (fold) fold.open = true;
    for (const file of files) {
      if (pieces().length >= MOST) {
        said.textContent = `You can attach up to ${MOST} files to a post.`;
        break;
      }
      upload(file);
    }
    settle();
  }

  /**
   * @param {File} file
   * @param {HTMLElement} [failed] the failed upload that it replaces
   */
  async function upload(file, failed) {
    const state = element("p", { className: "attachment-state", textContent: "Uploading…" });
    const bar = element("progress", { max: 1, value: 0, ariaLabel: `Uploading ${file.name}` });
    const picture = seen(file);
    const piece = element("div", { className: "attachment waiting" }, picture, element("div", { className: "attachment-main" }, state, bar));
    const leaving = new AbortController();
    if (failed) failed.replaceWith(piece);
    else list.append(piece);
    piece.append(remover(piece, () => leaving.abort()));
    settle();
    try {
      const body = new FormData();
      body.append("csrf", form.elements.csrf.value);
      body.append("file", file);
      let told = await sent(body, leaving.signal, (share) => {
        bar.value = share;
        state.textContent = share < 1 ? `Uploading… ${Math.floor(share * 100)} %` : "Processing…";
      });
      bar.removeAttribute("value"); // the duration of processing is unknown
      while (!told.ready && !told.failed && piece.isConnected) {
        state.textContent = "Processing…";
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        told = await asked(`/compose/media/${told.id}`);
      }
      if (told.failed) throw new Error(told.problem || "This file could not be processed.");
      if (piece.isConnected) piece.replaceWith(shown(told));
      said.textContent = "Uploaded. Please add alt text for people who can't see it.";
    } catch (reason) {
      if (leaving.signal.aborted) return;
      piece.classList.replace("waiting", "failed");
      bar.remove();
      state.textContent = reason instanceof TypeError ? "Could not reach the server." : /** @type {Error} */ (reason).message;
      said.textContent = state.textContent;
      const again = element("button", { type: "button", className: "button small", textContent: "Retry" });
      again.addEventListener("click", () => { add.focus(); upload(file, piece); });
      if (reason instanceof TypeError) piece.lastElementChild?.before(again);
    } finally {
      if (picture instanceof HTMLImageElement) URL.revokeObjectURL(picture.src);
    }
    settle();
  }

  // The preview of a file during its upload, from the local file.
  /** @param {File} file */
  function seen(file) {
    const name = element("span", { className: "attachment-kind", textContent: file.name });
    if (!file.type.startsWith("image/")) return name;
    const picture = element("img", { src: URL.createObjectURL(file), width: 72, height: 72, alt: file.name });
    picture.addEventListener("error", () => picture.replaceWith(name));
    return picture;
  }

  /** @param {string} address */
  async function asked(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    return accepted(answer.ok, await answer.json());
  }

  // XMLHttpRequest, because fetch() does not report upload progress
  /**
   * @param {FormData} body
   * @param {AbortSignal} signal
   * @param {(share: number) => void} progress
   * @returns {Promise<Uploaded>}
   */
  function sent(body, signal, progress) {
    /** @type {Promise<[boolean, Uploaded]>} */
    const answer = new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", "/compose/media");
      request.setRequestHeader("Accept", "application/json");
      request.responseType = "json";
      request.upload.addEventListener("progress", ({ loaded, total }) => progress(loaded / total));
      request.addEventListener("load", () => resolve([request.status < 300, request.response ?? {}]));
      for (const kind of ["error", "abort", "timeout"]) request.addEventListener(kind, () => reject(new TypeError(kind)));
      signal.addEventListener("abort", () => request.abort());
      request.send(body);
    });
    return answer.then(([ok, told]) => accepted(ok, told));
  }

  /**
   * @param {boolean} ok
   * @param {Uploaded} told
   */
  function accepted(ok, told) {
    if (!ok || !told.id) throw new Error(told.error ?? "The upload failed.");
    return told;
  }

  /** @param {Kept} kept */
  function shown({ id, kind, preview, description }) {
    const picture = preview
      ? element("img", { src: preview, width: 72, height: 72, alt: "" })
      : element("span", { className: "attachment-kind", textContent: kind });
    const text = element("textarea", { name: `alt_${id}`, id: `alt-${id}`, rows: 2, maxLength: 1500, dir: "auto", value: description ?? "" });
    text.placeholder = "Describe this for people who can't see it";
    const main = element("div", { className: "attachment-main" }, element("label", { htmlFor: text.id, textContent: "Alt text" }), text);
    const piece = element("div", { className: "attachment" }, element("input", { type: "hidden", name: "media_ids[]", value: id }), picture, main);
    piece.dataset.media = id;
    piece.dataset.kind = kind;
    piece.append(remover(piece));
    return piece;
  }

  /** @param {HTMLElement} piece */
  function adopt(piece) {
    piece.querySelector(".attachment-drop")?.remove();
    piece.dataset.kind = piece.querySelector("img") ? "image" : "";
    piece.append(remover(piece));
  }

  /**
   * @param {HTMLElement} piece
   * @param {() => void} leave
   */
  function remover(piece, leave = () => {}) {
    const button = element("button", { type: "button", className: "button small", textContent: "Remove" });
    button.addEventListener("click", () => { leave(); piece.remove(); add.focus(); settle(); });
    return button;
  }

  function settle() {
    add.disabled = pieces().length >= MOST;
    reminder.hidden = true;
    changed();
  }

  return {
    count: () => ready().length,
    busy: () => Boolean(list.querySelector(".waiting")),
    values: () => ready().map((piece) => ({
      id: piece.dataset.media ?? "",
      kind: piece.dataset.kind ?? "",
      preview: piece.querySelector("img")?.getAttribute("src"),
      description: described(piece)?.value,
    })),
    restore(values) {
      list.replaceChildren(...values.map(shown));
      if (fold) fold.open = values.length > 0;
      settle();
    },
    // On the first attempt to post without alt text, show a reminder and stop; the second attempt goes through.
    reminds() {
      const bare = ready().filter((piece) => !described(piece)?.value.trim());
      if (!bare.length || !reminder.hidden) return false;
      reminder.textContent = bare.length === 1
        ? "One attachment has no alt text. Add it for people who can't see the media, or post anyway."
        : `${bare.length} attachments have no alt text. Add it for people who can't see the media, or post anyway.`;
      reminder.hidden = false;
      said.textContent = reminder.textContent;
      if (place && "open" in place) place.open = true;
      described(bare[0])?.focus();
      return true;
    },
  };
}

// The edit form has no composer script.
for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("[data-composer-edit]"))) {
  const pieces = attach(form, () => {});
  form.addEventListener("submit", (event) => (pieces.busy() || pieces.reminds()) && event.preventDefault());
}
