// What outlives a visit: picks and a few settings. A browser may refuse to keep them; then they hold for this visit,
// and the page says so. Pages on the disk share one storage, so all keys carry the batch's own id.

class Keeper {
  constructor(id, serve) {
    this.key = (name) => `rushes:${id}:${name}`;
    this.serve = serve;
    this.refused = null;
    this.waiting = {};
    this.sending = false;
  }

  read(name) {
    try {
      return JSON.parse(window.localStorage.getItem(this.key(name)));
    } catch (error) {
      this.refused = error;
      return null;
    }
  }

  write(name, value) {
    try {
      window.localStorage.setItem(this.key(name), JSON.stringify(value));
    } catch (error) {
      this.refused = error;
    }
  }

  // Keep what changed; `said` hears a sentence when it could not be saved into the batch.
  async keepPicks(changed, picks, said) {
    this.write("picks", Object.fromEntries(picks.found));
    if (!this.serve) return;
    Object.assign(this.waiting, changed);
    if (this.sending) return;
    this.sending = true;
    while (Object.keys(this.waiting).length > 0) {
      const sent = this.waiting;
      this.waiting = {};
      try {
        const answer = await fetch("picks", {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-Rushes-Token": this.serve },
          body: JSON.stringify({ picks: sent }),
        });
        if (!answer.ok) throw new Error(await answer.text());
      } catch (error) {
        this.waiting = { ...sent, ...this.waiting };
        said(`Not saved into the batch yet: ${error.message}. It is kept in this browser, and tried again with the next pick.`);
        break;
      }
    }
    this.sending = false;
  }
}
