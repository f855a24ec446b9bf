import { connect } from "node:net";
import { type ChildServer, startChildServer } from "./child-server.ts";
import { freePort } from "./free-port.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export type RedisServer = {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now; another one after `restart`. */
  readonly pid: number;
  /** Sends one command without spaces in its arguments and returns the first line of the answer. */
  command(line: string): Promise<string>;
  /** Everything in it is gone. */
  flush(): Promise<void>;
  /** Ends it; `SIGKILL` ends it as a crash would. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
  close(): Promise<void>;
};

export type RedisOptions = { readonly settings?: Readonly<Record<string, string>> };

/** A real Redis (`redis-server` must be installed) in a temporary folder. It keeps nothing on disk. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const folder = await temporaryFolder("redis");
  const port = await freePort();
  const settings = {
    bind: "127.0.0.1",
    port: String(port),
    dir: folder.path,
    save: "",
    appendonly: "no",
    ...options.settings,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const start = () => startChildServer({ command: "redis-server", args, ready: () => answersPing(port) });
  let server: ChildServer = await start();

  const command = (line: string) => ask(port, line);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid;
    },
    command,
    async flush() {
      await command("FLUSHALL");
    },
    stop: (signal) => server.stop(signal),
    async restart() {
      await server.stop();
      server = await start();
    },
    async close() {
      await server.stop();
      await folder.close();
    },
  };
}

async function answersPing(port: number): Promise<boolean> {
  return (await ask(port, "PING").catch(() => "")) === "PONG";
}

/** An inline command and a simple answer of the Redis protocol (https://redis.io/docs/reference/protocol-spec). */
function ask(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(`${line}\r\n`));
    let answer = "";
    socket.setTimeout(2_000, () => socket.destroy(new Error("Redis did not answer")));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("Redis closed the connection")));
    socket.on("data", (chunk) => {
      answer += chunk.toString();
      if (!answer.includes("\r\n")) return;
      const first = answer.slice(1, answer.indexOf("\r\n"));
      if (answer.startsWith("-")) reject(new Error(first));
      else resolve(first);
      socket.destroy();
    });
  });
}
