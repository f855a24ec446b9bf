import { Secret } from "@mailfleet/domain";
import {
  type BrokenMailTransportFixture,
  describeBrokenMailTransport,
  describeMailTransport,
} from "./describe-mail-transport.ts";
import { memoryMailTransport } from "./memory-mail-transport.ts";

async function start(): Promise<BrokenMailTransportFixture> {
  const transport = memoryMailTransport({
    login: { user: "user@example.com", secret: "right" },
    refusals: {
      "reject@example.com": { code: 550, enhancedCode: "5.1.1", permanent: true },
      "defer@example.com": { code: 450, enhancedCode: "4.2.0", permanent: false },
    },
  });
  const login = (password: string) =>
    ({ kind: "password", user: "user@example.com", password: Secret.of(password) }) as const;
  return {
    transport,
    via: { server: { host: "mail.example.com", port: 587, security: "starttls" }, login: login("right") },
    wrongLogin: login("wrong"),
    sender: "user@example.com",
    recipients: {
      good: ["anna@example.com", "bert@example.com"],
      refused: "reject@example.com",
      deferred: "defer@example.com",
    },
    delivered: async () => transport.delivered,
    breakAt: transport.breakAt,
  };
}

describeMailTransport("memoryMailTransport", start);
describeBrokenMailTransport("memoryMailTransport", start);
