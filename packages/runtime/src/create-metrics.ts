import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Label values must come from a small fixed set: ids, addresses and error texts belong into the log. */
export type Labels<Name extends string> = Readonly<Record<Name, string>>;

export type MetricCounter<Name extends string> = { inc(labels: Labels<Name>, amount: number): void };
export type MetricGauge<Name extends string> = { set(labels: Labels<Name>, value: number): void };
export type MetricHistogram<Name extends string> = { observe(labels: Labels<Name>, value: number): void };

/** A name is `mailfleet_noun_unit`, a counter's ends in `_total` (https://prometheus.io/docs/practices/naming/). */
export type Metrics = {
  counter<Name extends string>(name: string, help: string, labels: readonly Name[]): MetricCounter<Name>;
  gauge<Name extends string>(name: string, help: string, labels: readonly Name[]): MetricGauge<Name>;
  /** `buckets`: upper bounds, ascending, in the unit of the name. */
  histogram<Name extends string>(
    name: string,
    help: string,
    options: { readonly labels: readonly Name[]; readonly buckets: readonly number[] },
  ): MetricHistogram<Name>;
  /** Everything in Prometheus' text format. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
};

/** One process's metrics. `processMetrics` adds CPU, memory and the event loop's lag. */
export function createMetrics(options: { readonly processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  return {
    counter(name, help, labels) {
      const counter = new Counter({ name, help, labelNames: [...labels], registers });
      return { inc: (values, amount) => counter.inc(values, amount) };
    },
    gauge(name, help, labels) {
      const gauge = new Gauge({ name, help, labelNames: [...labels], registers });
      return { set: (values, value) => gauge.set(values, value) };
    },
    histogram(name, help, { labels, buckets }) {
      const histogram = new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers });
      return { observe: (values, value) => histogram.observe(values, value) };
    },
    async expose() {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
