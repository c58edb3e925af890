// Media attachments of the composer: chosen, pasted or dropped files are uploaded at once, each with a field for its alt text.
//
// Without this script, the form's file fields do the same; here one button replaces them.

const MAX_ATTACHMENTS = 4;
const POLL_INTERVAL_MS = 2_000; // between two polls of a file that is being processed
const liveRegion = document.getElementById("live-region");

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
 * @returns {Attachments}
 */
export function attach(form, changed) {
  const list = /** @type {HTMLElement} */ (form.querySelector("[data-attachments]"));
  /** @type {HTMLDetailsElement | null} */
  const fold = list.closest("details");
  /** @type {HTMLFieldSetElement | HTMLDetailsElement | null} */
  const place = list.closest("fieldset, details");
  /** @type {HTMLInputElement | null} */
  const picker = form.querySelector("[data-picker] input");
  const add = element("button", { type: "button", className: "button small", textContent: "Add images, video or audio" });
  const input = element("input", { type: "file", multiple: true, hidden: true, accept: picker?.accept ?? "" });
  const reminder = element("p", { className: "reminder", hidden: true });
  form.querySelectorAll("[data-picker]").forEach((each) => each.remove());
  list.after(add, input, reminder);
  list.querySelectorAll("[data-media]").forEach(enhance);

  const items = () => [...list.querySelectorAll(".attachment")];
  const altText = (/** @type {HTMLElement} */ item) => /** @type {HTMLTextAreaElement | null} */ (item.querySelector("textarea"));
  const ready = () => items().filter((item) => item.dataset.media && !item.classList.contains("failed"));

  add.addEventListener("click", () => input.click());
  input.addEventListener("change", () => { addFiles([...(input.files ?? [])]); input.value = ""; });
  form.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    addFiles(files);
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
    addFiles([...event.dataTransfer.files]);
  });

  /** @param {File[]} files */
  function addFiles(files) {
    if (fold) fold.open = true;
    for (const file of files) {
      if (items().length >= MAX_ATTACHMENTS) {
        liveRegion.textContent = `You can attach up to ${MAX_ATTACHMENTS} files to a post.`;
        break;
      }
      upload(file);
    }
    update();
  }

  /**
   * @param {File} file
   * @param {HTMLElement} [failed] the failed upload that it replaces
   */
  async function upload(file, failed) {
    const state = element("p", { className: "attachment-state", textContent: "Uploading…" });
    const bar = element("progress", { max: 1, value: 0, ariaLabel: `Uploading ${file.name}` });
    const picture = localPreview(file);
    const item = element("div", { className: "attachment waiting" }, picture, element("div", { className: "attachment-main" }, state, bar));
    const cancellation = new AbortController();
    if (failed) failed.replaceWith(item);
    else list.append(item);
    item.append(removeButton(item, () => cancellation.abort()));
    update();
    try {
      const body = new FormData();
      body.append("csrf", form.elements.csrf.value);
      body.append("file", file);
      let result = await sendFile(body, cancellation.signal, (share) => {
        bar.value = share;
        state.textContent = share < 1 ? `Uploading… ${Math.floor(share * 100)} %` : "Processing…";
      });
      bar.removeAttribute("value"); // the duration of processing is unknown
      while (!result.ready && !result.failed && item.isConnected) {
        state.textContent = "Processing…";
        await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
        result = await fetchUpload(`/compose/media/${result.id}`);
      }
      if (result.failed) throw new Error(result.problem || "This file could not be processed.");
      if (item.isConnected) item.replaceWith(createItem(result));
      liveRegion.textContent = "Uploaded. Please add alt text for people who can't see it.";
    } catch (reason) {
      if (cancellation.signal.aborted) return;
      item.classList.replace("waiting", "failed");
      bar.remove();
      state.textContent = reason instanceof TypeError ? "Could not reach the server." : /** @type {Error} */ (reason).message;
      liveRegion.textContent = state.textContent;
      const again = element("button", { type: "button", className: "button small", textContent: "Retry" });
      again.addEventListener("click", () => { add.focus(); upload(file, item); });
      if (reason instanceof TypeError) item.lastElementChild?.before(again);
    } finally {
      if (picture instanceof HTMLImageElement) URL.revokeObjectURL(picture.src);
    }
    update();
  }

  // The preview of a file during its upload, from the local file.
  /** @param {File} file */
  function localPreview(file) {
    const name = element("span", { className: "attachment-kind", textContent: file.name });
    if (!file.type.startsWith("image/")) return name;
    const picture = element("img", { src: URL.createObjectURL(file), width: 72, height: 72, alt: file.name });
    picture.addEventListener("error", () => picture.replaceWith(name));
    return picture;
  }

  /** @param {string} address */
  async function fetchUpload(address) {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    return checked(response.ok, await response.json());
  }

  // XMLHttpRequest, because fetch() does not report upload progress
  /**
   * @param {FormData} body
   * @param {AbortSignal} signal
   * @param {(share: number) => void} progress
   * @returns {Promise<Uploaded>}
   */
  function sendFile(body, signal, progress) {
    /** @type {Promise<[boolean, Uploaded]>} */
    const response = new Promise((resolve, reject) => {
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
    return response.then(([ok, result]) => checked(ok, result));
  }

  /**
   * @param {boolean} ok
   * @param {Uploaded} result
   */
  function checked(ok, result) {
    if (!ok || !result.id) throw new Error(result.error ?? "The upload failed.");
    return result;
  }

  /** @param {StoredAttachment} stored */
  function createItem({ id, kind, preview, description }) {
    const picture = preview
      ? element("img", { src: preview, width: 72, height: 72, alt: "" })
      : element("span", { className: "attachment-kind", textContent: kind });
    const text = element("textarea", { name: `alt_${id}`, id: `alt-${id}`, rows: 2, maxLength: 1500, dir: "auto", value: description ?? "" });
    text.placeholder = "Describe this for people who can't see it";
    const main = element("div", { className: "attachment-main" }, element("label", { htmlFor: text.id, textContent: "Alt text" }), text);
    const item = element("div", { className: "attachment" }, element("input", { type: "hidden", name: "media_ids[]", value: id }), picture, main);
    item.dataset.media = id;
    item.dataset.kind = kind;
    item.append(removeButton(item));
    return item;
  }

  /** @param {HTMLElement} item */
  function enhance(item) {
    item.querySelector(".attachment-drop")?.remove();
    item.dataset.kind = item.querySelector("img") ? "image" : "";
    item.append(removeButton(item));
  }

  /**
   * @param {HTMLElement} item
   * @param {() => void} cancel
   */
  function removeButton(item, cancel = () => {}) {
    const button = element("button", { type: "button", className: "button small", textContent: "Remove" });
    button.addEventListener("click", () => { cancel(); item.remove(); add.focus(); update(); });
    return button;
  }

  function update() {
    add.disabled = items().length >= MAX_ATTACHMENTS;
    reminder.hidden = true;
    changed();
  }

  return {
    count: () => ready().length,
    busy: () => Boolean(list.querySelector(".waiting")),
    values: () => ready().map((item) => ({
      id: item.dataset.media ?? "",
      kind: item.dataset.kind ?? "",
      preview: item.querySelector("img")?.getAttribute("src"),
      description: altText(item)?.value,
    })),
    restore(values) {
      list.replaceChildren(...values.map(createItem));
      if (fold) fold.open = values.length > 0;
      update();
    },
    // On the first attempt to post without alt text, show a reminder and stop; the second attempt goes through.
    remind() {
      const undescribed = ready().filter((item) => !altText(item)?.value.trim());
      if (!undescribed.length || !reminder.hidden) return false;
      reminder.textContent = undescribed.length === 1
        ? "One attachment has no alt text. Add it for people who can't see the media, or post anyway."
        : `${undescribed.length} attachments have no alt text. Add it for people who can't see the media, or post anyway.`;
      reminder.hidden = false;
      liveRegion.textContent = reminder.textContent;
      if (place && "open" in place) place.open = true;
      altText(undescribed[0])?.focus();
      return true;
    },
  };
}

// The edit form has no composer script.
for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("[data-composer-edit]"))) {
  const attachments = attach(form, () => {});
  form.addEventListener("submit", (event) => (attachments.busy() || attachments.remind()) && event.preventDefault());
}
