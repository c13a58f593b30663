// A client of `ortembed bridge` in Node, without packages: texts in, Float32Arrays out.
//
//   import { Bridge } from "./client.mjs";
//   const bridge = new Bridge(["ortembed", "bridge", "all-minilm-l6-v2"]);
//   const [vector] = await bridge.embed(["a cat sat on the mat"]);
//   bridge.close();

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class Bridge {
  #calls = []; // in the order of their requests, which is that of the answers
  #ended = null;
  #process;

  constructor([program, ...parameters]) {
    this.#process = spawn(program, parameters, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#take(JSON.parse(line)));
    this.#process.stdin.on("error", () => {}); // it has ended, which "close" tells
    this.#process.on("error", (error) => this.#end(error));
    this.#process.on("close", (code, signal) => this.#end(new Error(`the bridge ended: ${signal ?? code}`)));
  }

  /** Give a Float32Array for each text. Options are the request's: input_type, truncate_dim, … */
  async embed(texts, options = {}) {
    const answer = await this.ask({ texts, ...options, encoding: "base64" });
    return answer.embeddings.map((row) => new Float32Array(new Uint8Array(Buffer.from(row, "base64")).buffer));
  }

  /** Send a request, give its answer; any number may be on their way at once. */
  ask(request) {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const line = `${JSON.stringify(request)}\n`; // throws for what is no JSON, which then waits for no answer
      this.#calls.push({ resolve, reject });
      this.#process.stdin.write(line);
    });
  }

  /** Let the bridge answer what it was asked, and end. */
  close() {
    this.#process.stdin.end();
  }

  #take(answer) {
    const { resolve, reject } = this.#calls.shift();
    if (answer.status !== "error") resolve(answer);
    else reject(Object.assign(new Error(answer.error ?? answer.message), { name: answer.error_type }));
  }

  #end(error) {
    this.#ended ??= error;
    for (const { reject } of this.#calls.splice(0)) reject(this.#ended);
  }
}
