import { inspect } from "node:util";
import { OperationalError } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { toOperationalError } from "./to-operational-error.ts";

const answered = (name: string, httpStatusCode: number) =>
  Object.assign(new Error(`${name} says arn:secret`), { name, $metadata: { httpStatusCode, requestId: "r-1" } });
const onTheWay = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe("toOperationalError", () => {
  it.each([
    [answered("InvalidCiphertextException", 400), "credential.unreadable", "credential.unreadable"],
    [answered("IncorrectKeyException", 400), "credential.unreadable", "credential.unreadable"],
    [answered("ValidationException", 400), "key.unavailable", "credential.unreadable"],
    [answered("InvalidArnException", 400), "key.unavailable", "credential.unreadable"],
    [answered("NotFoundException", 400), "key.unavailable", "key.unavailable"],
    [answered("AccessDeniedException", 400), "key.unavailable", "key.unavailable"],
    [answered("DisabledException", 400), "key.unavailable", "key.unavailable"],
    [answered("ThrottlingException", 400), "key.unavailable", "key.unavailable"],
    [answered("KMSInternalException", 500), "key.unavailable", "key.unavailable"],
    [answered("DependencyTimeoutException", 500), "key.unavailable", "key.unavailable"],
    [answered("SomethingNewException", 400), "key.unavailable", "key.unavailable"],
    [onTheWay("ECONNREFUSED"), "key.unavailable", "key.unavailable"],
    [onTheWay("ENOTFOUND"), "key.unavailable", "key.unavailable"],
    [
      Object.assign(new Error("no providers"), { name: "CredentialsProviderError" }),
      "key.unavailable",
      "key.unavailable",
    ],
  ])("maps %s", (error, creating, unwrapping) => {
    expect(toOperationalError(error, "createDataKey")).toMatchObject({ code: creating });
    expect(toOperationalError(error, "unwrap")).toMatchObject({ code: unwrapping });
  });

  it("names the request for the operator, and repeats neither the vendor's text nor the error", () => {
    const mapped = toOperationalError(answered("AccessDeniedException", 400), "unwrap");
    expect(String(mapped)).toContain("AccessDeniedException, HTTP 400, request r-1");
    expect(inspect(mapped, { depth: 9, showHidden: true })).not.toContain("arn:secret");
  });

  it("leaves a bug as it is", () => {
    const bug = new TypeError("x is not a function");
    expect(toOperationalError(bug, "unwrap")).toBe(bug);
    expect(toOperationalError(bug, "unwrap")).not.toBeInstanceOf(OperationalError);
  });
});
