import { inspect } from "node:util";

const hidden = "[secret]";

/** A value that must not be logged. Whatever prints it by accident prints `[secret]`; `reveal` is the one way out. */
export class Secret {
  readonly #value: string;

  private constructor(value: string) {
    this.#value = value;
  }

  static of(value: string): Secret {
    return new Secret(value);
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}
