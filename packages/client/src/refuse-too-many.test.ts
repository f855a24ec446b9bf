import { describe, expect, it } from "vitest";
import { refuseTooMany } from "./refuse-too-many.ts";

const at = (host: string) => ({ host, port: 587, security: "starttls" as const });

describe("a message for many", () => {
  it("is refused at acceptance where its provider takes fewer, saying how many", () => {
    expect(() => refuseTooMany(at("smtp.gmail.com"), 101)).toThrow(
      expect.objectContaining({
        code: "contract.violated",
        publicMessage: expect.stringContaining("takes 100 recipients"),
      }),
    );
    expect(() => refuseTooMany(at("smtp.gmail.com"), 100)).not.toThrow();
  });

  it("is accepted where no limit is known", () => {
    expect(() => refuseTooMany(at("mail.acme.example"), 5_000)).not.toThrow();
    expect(() => refuseTooMany(null, 5_000)).not.toThrow();
  });
});
