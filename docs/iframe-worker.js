// Lets the search work where the site is opened as files: a browser starts no worker from a file, so there the
// script of one runs in a frame that nobody sees, and what is posted is handed over. Over http nothing changes.
if (location.protocol === "file:") {
  const added = (window, url) =>
    new Promise((done, failed) => {
      const script = window.document.createElement("script");
      Object.assign(script, { src: url, async: false, onload: done, onerror: failed });
      window.document.head.append(script);
    });

  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.document.open(); // else some browsers replace the empty page once more, with all that is in it
      inside.document.write("<!doctype html>");
      inside.document.close();
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inside.importScripts = (...urls) => Promise.all(urls.map((each) => added(inside, new URL(each, url))));
      this.ready = added(inside, url);
    }

    postMessage(data) {
      this.ready.then(() => {
        const inside = this.frame.contentWindow;
        inside.dispatchEvent(new inside.MessageEvent("message", { data }));
      });
    }

    terminate() {
      this.frame.remove();
    }
  };
}
