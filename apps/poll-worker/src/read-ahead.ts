import type { MailPage } from "@mailfleet/mail-source";

/**
 * The same pages, the next one read while the one before is stored: the server's answer and the disk are waited for at the
 * same time. Never more than one ahead, and none while a page has a body that still streams over the connection.
 *
 * A failure to read comes after the page before it was stored. `beforeEach` is asked before every reading; a page that
 * `isEnough` is the last one that is handed out.
 */
export async function* readAhead(
  pages: AsyncIterator<MailPage>,
  beforeEach: () => void,
  isEnough: (page: MailPage) => boolean = () => false,
): AsyncGenerator<MailPage> {
  const read = () => {
    beforeEach();
    const reading = pages.next();
    reading.catch(() => {}); // whoever waits for it is told; nobody does when the page before could not be stored
    return reading;
  };
  let ahead: Promise<IteratorResult<MailPage>> | undefined;
  for (;;) {
    const { value: page, done } = await (ahead ?? read());
    if (done) return;
    const ends = page.last || isEnough(page);
    const streams = page.messages.some(({ body }) => body.kind === "stream");
    ahead = streams || ends ? undefined : read();
    yield page;
    if (ends) return;
  }
}
