import { describe, expect, it } from "vitest";
import { parseMailDate } from "./parse-mail-date.ts";

describe("parseMailDate", () => {
  it.each([
    ["Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06.000Z"],
    ["21 Nov 97 09:55 GMT", "1997-11-21T09:55:00.000Z"],
    ["Fri, 21 Nov 2025 09(comment):55:06 +0530 (IST)", null],
    ["Fri, 21 Nov 2025 09:55:06 +0530 (IST)", "2025-11-21T04:25:06.000Z"],
    ["Thu, 30 Apr 1998 11:28:50 EDT", "1998-04-30T15:28:50.000Z"],
    ["03 Jul 01 4:12:06 PM", "2001-07-03T16:12:06.000Z"],
    ["Mon, 27 May 2002 10:28:3 +0200", "2002-05-27T08:28:03.000Z"],
    ["Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00.000Z"],
    ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000Z"],
    ["Thu Feb 29 12:00:00 2024", "2024-02-29T12:00:00.000Z"],
    ["Fri, 31 Feb 2025 09:55:06 +0000", null],
    ["Thu, 22 Aug 0102 12:07:35 +0800", null],
    ["Thu, 1 Jan 1969 00:00:00 +0000", null],
    ["yesterday", null],
    ["", null],
  ])("reads %j as %j", (value, expected) => {
    expect(parseMailDate(value)?.toISOString() ?? null).toBe(expected);
  });

  it("means UTC without a zone, wherever the process runs", () => {
    const before = process.env["TZ"];
    process.env["TZ"] = "America/New_York";
    expect(parseMailDate("Fri, 21 Nov 1997 09:55:06")?.toISOString()).toBe("1997-11-21T09:55:06.000Z");
    expect(parseMailDate("Fri Nov 21 09:55:06 1997")?.toISOString()).toBe("1997-11-21T09:55:06.000Z");
    process.env["TZ"] = before;
  });
});
