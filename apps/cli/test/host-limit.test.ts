import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand } from "./command-line-at-hand.ts";

let cli: CommandLineAtHand;
beforeAll(async () => {
  cli = await commandLineAtHand();
  expect(await cli.init()).toMatchObject({ code: 0 });
});
afterAll(() => cli.close());

const list = async () => (await cli.run("host-limit list --json")).json();

describe("host-limit", () => {
  it("sets, changes, lists and removes the limits of one host and kind, whatever the case of its name", async () => {
    const polls = { host: "imap.example.com", kind: "poll" };
    expect(
      (await cli.run("host-limit set IMAP.example.com --kind poll --rate 50 --in-flight 200 --json")).json(),
    ).toEqual({ ...polls, ratePerSecond: 50, burst: 50, inFlightMax: 200 });
    await cli.run("host-limit set imap.example.com --kind poll --rate 0.5 --burst 7 --in-flight 2");
    await cli.run("host-limit set imap.example.com --kind deliver --rate 5 --in-flight 3");
    const deliveries = { ...polls, kind: "deliver", ratePerSecond: 5, burst: 5, inFlightMax: 3 };
    expect(await list()).toEqual([deliveries, { ...polls, ratePerSecond: 0.5, burst: 7, inFlightMax: 2 }]);
    expect(await cli.run("host-limit remove Imap.Example.com --kind poll")).toMatchObject({ code: 0 });
    expect(await list()).toEqual([deliveries]);
  });

  it("refuses what is no host, no kind or no number with exit 2, and to remove what is not there with exit 4", async () => {
    for (const wrong of ["mail,example --kind poll", "m.example --kind read", "m.example --kind poll --rate 0"]) {
      const rest = wrong.includes("--rate") ? "--in-flight 1" : "--rate 1 --in-flight 1";
      expect(await cli.run(`host-limit set ${wrong} ${rest}`)).toMatchObject({ code: 2 });
    }
    expect(await cli.run("host-limit remove nobody.example --kind poll --json")).toMatchObject({ code: 4 });
  });
});
