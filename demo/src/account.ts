/** What the demo says while it goes: a heading a step, a line a finding. With `--json` all of it goes to stderr. */
export type Account = {
  step(title: string): void;
  say(text: string): void;
  /** A line that is written over by the next, where someone is watching. */
  progress(text: string): void;
};

export function openAccount({ json }: { json: boolean }): Account {
  const out = json ? process.stderr : process.stdout;
  const startedAt = performance.now();
  let stepsCount = 0;
  let progressing = false;
  const line = (text: string) => {
    if (progressing) out.write("\r\x1b[K");
    progressing = false;
    out.write(`${text}\n`);
  };
  return {
    step(title) {
      stepsCount += 1;
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5);
      line(`\n[${seconds} s] ${stepsCount}. ${title}`);
    },
    say: (text) => line(`          ${text}`),
    progress(text) {
      if (!out.isTTY) return;
      out.write(`\r\x1b[K          ${text}`);
      progressing = true;
    },
  };
}
