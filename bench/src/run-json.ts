import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Runs one of `reference/` with one JSON argument and reads the JSON it prints. */
export async function runJson<Answer>(program: URL, request: object): Promise<Answer> {
  const child = spawn(process.execPath, [fileURLToPath(program), JSON.stringify(request)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the reference ended with ${code}`);
  return JSON.parse(output) as Answer;
}
