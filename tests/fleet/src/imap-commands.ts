import { once } from "node:events";
import { connect } from "node:tls";
import type { EmbeddedMail } from "@mailfleet/testkit/servers";

/** As a person with a mail program of their own would, one after the other in one session. */
export async function runImap(
  { host, imapPort, caPem }: EmbeddedMail,
  { address, password }: { address: string; password: string },
  commands: readonly string[],
): Promise<void> {
  const socket = connect({ host, port: imapPort, ca: caPem, servername: "localhost" });
  let said = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    said += chunk;
  });
  await once(socket, "secureConnect");
  for (const [index, command] of [`LOGIN ${address} ${password}`, ...commands].entries()) {
    socket.write(`t${index} ${command}\r\n`);
    const answer = new RegExp(`^t${index} (.*)$`, "m");
    while (!answer.test(said)) await once(socket, "data");
    if (!answer.exec(said)?.[1]?.startsWith("OK")) throw new Error(`the server did not obey command ${index}`);
  }
  socket.destroy();
}
