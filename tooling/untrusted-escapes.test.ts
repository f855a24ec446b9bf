import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { listFiles } from "./workspace.ts";

/**
 * The reviewed list: which files may turn what came from outside into text, and by which way. To add a line here is to say
 * why nothing that steers the fleet can be made of it there.
 */
const reviewed: Readonly<Record<string, readonly string[]>> = {
  answeredAddress: ["packages/client/src/compose-submission.ts"],
  answeredHeader: ["packages/client/src/compose-submission.ts"],
  classifiedAsData: [
    "packages/classifiers/src/http/create-http-content-classifier.ts",
    "packages/classifiers/src/rules/create-rules-content-classifier.ts",
  ],
  comparedAddress: [
    "apps/cli/src/classify/replay-classification.ts",
    "apps/poll-worker/src/check-sender.ts",
    "apps/poll-worker/src/judge-page.ts",
    "packages/classifiers/src/rules/create-rules-content-classifier.ts",
    "packages/client/src/choose-sender.ts",
    "packages/database/src/thread-links.ts",
  ],
  forwardedAsData: ["packages/client/src/read-attachments.ts"],
  lookedUpHeader: ["packages/database/src/thread-links.ts"],
  markedAsData: ["packages/client/src/to-model-input.ts"],
  quotedAsData: ["packages/client/src/answered-message.ts"],
  shownAsData: [
    "apps/cli/src/commands/quarantine.ts",
    "apps/cli/src/messages/list-messages.ts",
    "apps/cli/src/messages/show-message.ts",
  ],
};

const escapesFile = "packages/domain/src/untrusted-escapes.ts";
const sources = listFiles("ts").filter((path) => !/\.test\.ts$|\/test\//.test(path));
const text = (path: string) => readFileSync(path, "utf8");

describe("the ways out of Untrusted", () => {
  it("are all in one file, and all in the list", () => {
    const exported = [...text(escapesFile).matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
    expect(exported.sort()).toEqual(Object.keys(reviewed).sort());
  });

  it.each(Object.entries(reviewed))("%s is taken by the files that were reviewed, and by no other", (name, files) => {
    const called = new RegExp(`\\b${name}\\b`);
    const takers = sources.filter(
      (path) => path !== escapesFile && path !== "packages/domain/src/index.ts" && called.test(text(path)),
    );
    expect(takers.sort()).toEqual([...files].sort());
  });

  it("are not gone around by a cast: nobody else names the type and casts in one breath", () => {
    const around = /as unknown as string|as never as string/;
    const allowed = new Set([escapesFile]);
    const casting = sources.filter((path) => !allowed.has(path) && around.test(text(path)));
    expect(casting).toEqual([]);
  });
});
