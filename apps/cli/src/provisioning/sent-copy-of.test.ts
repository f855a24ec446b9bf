import { describe, expect, it } from "vitest";
import { sentCopyOf } from "./sent-copy-of.ts";

describe("who saves a copy of what is sent", () => {
  it.each([
    ["smtp.gmail.com", "provider"],
    ["smtp.office365.com", "provider"],
    ["smtp-mail.outlook.com", "provider"],
    ["smtp.office365.com.attacker.example", "append"],
    ["notgmail.com", "append"],
    ["mail.acme.example", "append"],
  ] as const)("%s: %s", (host, who) => {
    expect(sentCopyOf(undefined, host)).toBe(who);
  });

  it("is whom the operator names", () => {
    expect(sentCopyOf("provider", "mail.acme.example")).toBe("provider");
    expect(sentCopyOf("append", "smtp.gmail.com")).toBe("append");
  });
});
