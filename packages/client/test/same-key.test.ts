import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { type Database, openDatabase } from "@mailfleet/database";
import { createGate } from "@mailfleet/gate";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createSendClient } from "../src/index.ts";
import { openSendWorld, type SendWorld, simpleRequest } from "./send-world.ts";

const producersCount = 50;
const now = () => new Date();

let world: SendWorld;
const databases: Database[] = [];

beforeAll(async () => {
  world = await openSendWorld();
  const options = { url: world.url, poolSizeMax: 1, applicationName: "producer" };
  for (let count = 0; count < producersCount; count++) databases.push(await openDatabase(options));
});
afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await world?.close();
});

it("makes one message of a key that fifty producers ask for at once, each over a connection of its own", async () => {
  const acme = await world.addTenant("acme");
  const blobs = createFilesystemBlobStore({ root: world.blobRoot, now });
  const request = simpleRequest(acme);
  const producers = databases.map((database) => {
    const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
    return createSendClient({ database, blobs, gate, now });
  });
  const receipts = await Promise.all(producers.map((producer) => producer.enqueueSend(acme.agent, request)));
  expect(new Set(receipts.map(({ submissionId }) => submissionId)).size).toBe(1);
  expect(receipts.filter(({ repeated }) => !repeated)).toHaveLength(1);
  const grant = await world.gate.authorize({ actor: acme.agent, action: "submission.read", resource: acme });
  expect(await world.database.submissions.list(grant, 10)).toHaveLength(1);
});
