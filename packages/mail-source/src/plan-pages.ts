import type { ListedMessage } from "@mailfleet/domain";
import type { PageLimits } from "./pages.ts";

/**
 * Cuts messages into pages that stay within the limits, in the order given. A message that exceeds a limit by itself
 * has a page of its own, and so has every one that is read as a stream. Never empty: nothing to read is one empty page.
 */
export function planPages(messages: readonly ListedMessage[], limits: PageLimits): ListedMessage[][] {
  const pages: ListedMessage[][] = [];
  let page: ListedMessage[] = [];
  let bytes = 0;
  const cut = () => {
    if (page.length > 0) pages.push(page);
    page = [];
    bytes = 0;
  };
  for (const message of messages) {
    const streamed = message.sizeBytes > limits.messageBytesMax;
    const full = page.length >= limits.pageMessagesMax || bytes + message.sizeBytes > limits.pageBytesMax;
    if (streamed || full) cut();
    page.push(message);
    bytes += message.sizeBytes;
    if (streamed) cut();
  }
  cut();
  return pages.length === 0 ? [[]] : pages;
}
