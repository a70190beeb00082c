"""The method: a prompt goes in, a plan, a list of files and the files come out.

```
Job, Chat ──▶ pipeline ──▶ tell(step) ──▶ delivery ──▶ workspace, events
              plan, files, code, mend
```

- `pipeline` is the method on one screen: ask for the plan, the list and the files, then mend them. It writes nothing.
- `conversation` has what goes in (`Job`), what comes out (`Step`), and the turns between, whose beginning every
  request shares.
- `ask` gets one thing from the model: it sends a request, shows the answer while it streams, has `replies` read it, has
  a cut-off one continued and an unusable one written again.
- `budget` fits the prompt and the answer to the model's context window, and learns from the server's counts.
- `strategies` asks for the files, one after another or several at once, with shorter prompts where the window is full.
- `mend` has `checks` look at the finished files, and asks once more for those that do not fit the others; then it
  has the user's check run, and what fails mended by what `check_output` reads.
- `delivery` turns each step into files, the record, events for the screen, and totals.
- `review` lets the user accept or change plan and list before any file is written.
"""
