import { type MailServer, type NetworkGuard, Secret } from "@mailfleet/domain";
import {
  type BreakingPoint,
  type BrokenMailTransportFixture,
  describeBrokenMailTransport,
  describeMailTransport,
} from "@mailfleet/testkit";
import { type SmtpScript, startScriptedSmtp } from "@mailfleet/testkit/servers";
import { createSmtpMailTransport } from "./create-smtp-mail-transport.ts";

const guard: NetworkGuard = { vet: async () => ({ address: "127.0.0.1", family: 4 }) };
const recipients = { "reject@example.com": "550 5.1.1 no such user", "defer@example.com": "450 4.2.0 greylisted" };
const scripts: Record<BreakingPoint, SmtpScript> = {
  greeting: { greeting: "drop" },
  body: { body: "drop" },
  reply: { reply: "drop" },
  silence: { reply: () => new Promise<string>(() => {}) },
};

function over(security: MailServer["security"], script: SmtpScript = {}): () => Promise<BrokenMailTransportFixture> {
  return async () => {
    const server = await startScriptedSmtp({ security, script: { recipients, ...script } });
    const { host, port, caPem, seen } = server;
    const login = (password: string) =>
      ({ kind: "password", user: "user@example.com", password: Secret.of(password) }) as const;
    return {
      transport: createSmtpMailTransport({ guard, tls: { caPem }, now: () => new Date() }),
      via: { server: { host, port, security }, login: login("right") },
      wrongLogin: login("wrong"),
      sender: "user@example.com",
      recipients: {
        good: ["anna@example.com", "bert@example.com"],
        refused: "reject@example.com",
        deferred: "defer@example.com",
      },
      delivered: async () => seen.messages.flatMap(({ to, raw }) => to.map((recipient) => ({ recipient, raw }))),
      breakAt: (point) => server.play(scripts[point]),
      close: server.close,
    };
  };
}

describeMailTransport("createSmtpMailTransport over STARTTLS", over("starttls"));
describeMailTransport("createSmtpMailTransport over implicit TLS", over("tls"));
describeMailTransport(
  "createSmtpMailTransport with a server of few words",
  over("starttls", { extensions: ["AUTH LOGIN"] }),
);
describeBrokenMailTransport("createSmtpMailTransport over STARTTLS", over("starttls"));
describeBrokenMailTransport("createSmtpMailTransport over implicit TLS", over("tls"));
