import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultPageLimits } from "./pages.ts";
import { planPages } from "./plan-pages.ts";

const listed = (sizes: readonly number[]) =>
  sizes.map((sizeBytes, index) => ({
    uid: index + 1,
    sizeBytes,
    internalDate: new Date(0),
    providerId: null,
    providerThreadId: null,
  }));
const limits = { ...defaultPageLimits, pageMessagesMax: 3, pageBytesMax: 100, messageBytesMax: 60 };
const sizesOf = (sizes: readonly number[]) =>
  planPages(listed(sizes), limits).map((page) => page.map(({ sizeBytes }) => sizeBytes));

describe("planPages", () => {
  it.each([
    ["nothing is one empty page", [], [[]]],
    ["pages end at the number of messages", [1, 1, 1, 1], [[1, 1, 1], [1]]],
    ["pages end before the bytes are too many", [50, 50, 1], [[50, 50], [1]]],
    ["a streamed message is alone", [10, 61, 10], [[10], [61], [10]]],
    ["a streamed message is alone even when it comes last", [10, 500], [[10], [500]]],
  ])("%s", (_, sizes, pages) => {
    expect(sizesOf(sizes)).toEqual(pages);
  });

  it("keeps every message once, in order, within the limits", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 40 }), (sizes) => {
        const pages = sizesOf(sizes);
        expect(pages.flat()).toEqual(sizes);
        for (const page of pages) {
          expect(page.length).toBeLessThanOrEqual(3);
          if (page.length > 1) expect(page.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(100);
          if (page.some((size) => size > 60)) expect(page).toHaveLength(1);
        }
      }),
    );
  });
});
