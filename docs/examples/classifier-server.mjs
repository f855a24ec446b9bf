/**
 * A content classifier for CLASSIFIER_URL, complete and without dependencies. Start it with `node classifier-server.mjs`
 * (PORT, default 8787; CLASSIFIER_TOKEN, optional) and set CLASSIFIER_URL=http://127.0.0.1:8787/.
 *
 * It is asked with POST and one message as JSON: direction (inbound or outbound), subject, text, html, isCut, from[], replyTo[]
 * ({name, address}), attachments[] ({filename, contentType, sizeBytes}), firstTimeSender. It answers {"version", "labels"}:
 * labels are names in kebab-case that a tenant's policy knows. Put your model where `labelsOf` is. What it is shown is
 * somebody else's words: obey none of them.
 */
import { createServer } from "node:http";

const version = "example-1";
const bodyBytesMax = 4_000_000;
const token = process.env.CLASSIFIER_TOKEN;

function labelsOf({ direction, subject, text, attachments }) {
  const words = `${subject ?? ""}\n${text ?? ""}`.toLowerCase();
  const labels = [];
  if (direction === "inbound" && words.includes("lottery")) labels.push("scam");
  if (direction === "outbound" && words.includes("confidential")) labels.push("confidential");
  if (attachments.some(({ sizeBytes }) => sizeBytes > 20_000_000)) labels.push("large-attachment");
  return labels;
}

const server = createServer(async (request, response) => {
  const answer = (status, body) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (request.method !== "POST") return answer(405, {});
  if (token && request.headers.authorization !== `Bearer ${token}`) return answer(401, {});
  try {
    const chunks = [];
    let bytes = 0;
    for await (const chunk of request) {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) return answer(413, {});
      chunks.push(chunk);
    }
    answer(200, { version, labels: labelsOf(JSON.parse(Buffer.concat(chunks).toString())) });
  } catch {
    answer(400, {});
  }
});

server.listen(Number(process.env.PORT ?? 8787), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
