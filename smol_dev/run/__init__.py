"""The method: from a prompt to a plan, a list of files, and the files themselves.

```
Job, Chat ──▶ pipeline ──▶ tell(step) ──▶ delivery ──▶ workspace, events
              plan, files, code, mend
```

- `pipeline` is the method on one screen: ask for the plan, the list and the files, then mend them. It writes nothing.
- `conversation` defines the input (`Job`), the output (`Step`), and the turns in between; every request begins with
  the same ones.
- `ask` gets one answer from the model: it sends the request, shows the answer while it streams, parses it with
  `replies`, continues it if it was cut off, and asks again if it is unusable.
- `budget` fits the prompt and the answer to the model's context window, and learns from the server's counts.
- `strategies` asks for the files, one after another or several at once, with shorter prompts if the window is full.
- `mend` checks the finished files against each other with `checks` and asks once more for those that do not fit; then
  it runs the user's check and has the model mend what fails, guided by `check_output`.
- `change` proposes a change to a finished program, in the conversation in which it was written.
- `delivery` turns each step into files, the record, events for the screen, and totals.
- `review` has the user's decisions: on the plan and the list before any file is written, and on a change.
- `start` finds the command that starts or opens the finished program.
"""
