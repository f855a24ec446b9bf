import type { NetworkGuard } from "@mailfleet/domain";

/** The operator's explicit yes to this machine, as a test gives it: any name is served from 127.0.0.1. */
export const loopbackGuard: NetworkGuard = {
  async vet(_host, { signal }) {
    signal.throwIfAborted();
    return { address: "127.0.0.1", family: 4 };
  },
};
