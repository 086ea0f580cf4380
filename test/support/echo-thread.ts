/** A thread's program that does as it is told: for the tests of thread-client.ts. */
import { serveQuestions } from "../../src/base/thread-service.ts";

export type EchoQuestion =
  | { readonly do: "echo"; readonly text: string }
  /** Answered by the next "release". */
  | { readonly do: "hold" | "release" }
  | { readonly do: "size"; readonly bytes: Uint8Array }
  | { readonly do: "throw" | "exit" | "spin" };

let release = Promise.withResolvers<string>();

serveQuestions<EchoQuestion, string>({
  async answer(question) {
    switch (question.do) {
      case "echo":
        return question.text;
      case "size":
        return String(question.bytes.length);
      case "hold":
        return release.promise;
      case "release":
        release.resolve("released");
        release = Promise.withResolvers();
        return "done";
      case "throw":
        throw new Error("a mistake of ours");
      case "exit":
        return process.exit(3);
      case "spin":
        for (;;);
    }
  },
});
