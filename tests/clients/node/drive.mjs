// Asks with the Node clients: a line of JSON for each command and each answer, see tests/clients/driver.py.
// The packages come from the folder that the first argument names.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.argv[2]}/`));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const [{ default: OpenAI }, { default: Anthropic }, ai, { createOpenAI }, { createAnthropic }, compatible, { z }] =
  await Promise.all(
    ["openai", "@anthropic-ai/sdk", "ai", "@ai-sdk/openai", "@ai-sdk/anthropic", "@ai-sdk/openai-compatible", "zod"].map(
      load,
    ),
  );

// Only answers may stand on stdout, and some of these packages print there.
globalThis.console = new console.Console(process.stderr);

const SYSTEM = "Be brief.";
const QUESTION = "How is the weather in Paris?";
const DESCRIPTION = "Get the weather of a city.";
const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const weather = ({ city }) => `18 degrees in ${city}`;

async function openaiChat({ url, key, model, stream, wants }) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 60_000 });
  const func = { name: "get_weather", description: DESCRIPTION, parameters: SCHEMA };
  const tools = wants === "tools" ? [{ type: "function", function: func }] : undefined;
  const messages = [{ role: "system", content: SYSTEM }, { role: "user", content: QUESTION }];
  const ran = [];
  for (;;) {
    const answer = stream
      ? await client.chat.completions
          .stream({ model, messages, tools, stream_options: { include_usage: true } })
          .finalChatCompletion()
      : await client.chat.completions.create({ model, messages, tools });
    const { message, finish_reason } = answer.choices[0];
    if (!message.tool_calls?.length) {
      const { prompt_tokens, completion_tokens } = answer.usage;
      return { text: message.content, finish: finish_reason, usage: [prompt_tokens, completion_tokens], ran };
    }
    messages.push({ role: "assistant", content: message.content, tool_calls: message.tool_calls.map(plainCall) });
    for (const call of message.tool_calls) {
      const given = JSON.parse(call.function.arguments);
      ran.push([call.function.name, given]);
      messages.push({ role: "tool", tool_call_id: call.id, content: weather(given) });
    }
  }
}

const plainCall = ({ id, type, function: { name, arguments: given } }) => ({
  id,
  type,
  function: { name, arguments: given },
});

class ResponseFailed extends Error {}

async function openaiResponses({ url, key, model, stream, wants }) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 60_000 });
  const tool = { type: "function", name: "get_weather", description: DESCRIPTION, parameters: SCHEMA, strict: false };
  const input = [{ role: "user", content: QUESTION }];
  const request = { model, instructions: SYSTEM, input, store: false };
  if (wants === "tools") request.tools = [tool];
  const ran = [];
  for (;;) {
    const answer = stream
      ? await client.responses.stream(request).finalResponse()
      : await client.responses.create(request);
    // To the SDK a failed response is an answer like others.
    if (answer.error) throw new ResponseFailed(answer.error.message);
    const calls = answer.output.filter((item) => item.type === "function_call");
    if (!calls.length) {
      const { input_tokens, output_tokens } = answer.usage;
      return { text: answer.output_text, finish: answer.status, usage: [input_tokens, output_tokens], ran };
    }
    input.push(...answer.output.map(({ parsed_arguments, ...item }) => item));
    for (const call of calls) {
      const given = JSON.parse(call.arguments);
      ran.push([call.name, given]);
      input.push({ type: "function_call_output", call_id: call.call_id, output: weather(given) });
    }
  }
}

async function anthropicMessages({ url, key, model, stream, wants }) {
  const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 60_000 });
  const tool = { name: "get_weather", description: DESCRIPTION, input_schema: SCHEMA };
  const messages = [{ role: "user", content: QUESTION }];
  const request = { model, system: SYSTEM, max_tokens: 512, messages };
  if (wants === "tools") request.tools = [tool];
  const ran = [];
  for (;;) {
    const answer = stream ? await client.messages.stream(request).finalMessage() : await client.messages.create(request);
    const calls = answer.content.filter((block) => block.type === "tool_use");
    if (!calls.length) {
      const text = answer.content.map((block) => block.text ?? "").join("");
      const { input_tokens, output_tokens } = answer.usage;
      return { text, finish: answer.stop_reason, usage: [input_tokens, output_tokens], ran };
    }
    messages.push({ role: "assistant", content: answer.content });
    const results = calls.map(({ id, name, input }) => {
      ran.push([name, input]);
      return { type: "tool_result", tool_use_id: id, content: weather(input) };
    });
    messages.push({ role: "user", content: results });
  }
}

// Else what was said before is sent as references, which only the provider that stored it could read.
const WHOLE = { openai: { store: false } };

const vercel = (provider, providerOptions = WHOLE) =>
  async function ({ url, key, model, stream, wants }) {
    const ran = [];
    const execute = (given) => {
      ran.push(["get_weather", given]);
      return weather(given);
    };
    const inputSchema = z.object({ city: z.string() });
    const request = {
      model: provider(url, key, model),
      system: SYSTEM,
      prompt: QUESTION,
      tools: wants === "tools" ? { get_weather: ai.tool({ description: DESCRIPTION, inputSchema, execute }) } : undefined,
      stopWhen: ai.stepCountIs(4),
      providerOptions,
      maxRetries: 0,
    };
    // A stream's errors are told to `onError` only; its promises are fulfilled all the same.
    let failure;
    const onError = ({ error }) => (failure = error);
    const answer = stream ? ai.streamText({ ...request, onError }) : await ai.generateText(request);
    const settled = await Promise.allSettled([answer.text, answer.finishReason, answer.usage]);
    failure ??= settled.find(({ status }) => status === "rejected")?.reason;
    if (failure) throw failure;
    const [text, finish, usage] = settled.map(({ value }) => value);
    return { text, finish, usage: [usage.inputTokens, usage.outputTokens], ran };
  };

const vercelChat = (url, key, model) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat(model);
const vercelResponses = (url, key, model) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).responses(model);
const vercelAnthropic = (url, key, model) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key })(model);
const vercelCompatible = (url, key, model) =>
  compatible.createOpenAICompatible({ name: "plano", baseURL: `${url}/v1`, apiKey: key, includeUsage: true })(model);

const CLIENTS = {
  "node-openai": openaiChat,
  "node-openai-responses": openaiResponses,
  "node-anthropic": anthropicMessages,
  "vercel-openai": vercel(vercelChat),
  "vercel-openai-responses": vercel(vercelResponses),
  "vercel-openai-references": vercel(vercelResponses, {}),
  "vercel-anthropic": vercel(vercelAnthropic),
  "vercel-openai-compatible": vercel(vercelCompatible),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let told;
  try {
    told = await CLIENTS[command.client](command);
  } catch (error) {
    const status = error.status ?? error.statusCode ?? null;
    told = { error: { type: error.constructor.name, status, message: error.message ?? String(error) } };
  }
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
