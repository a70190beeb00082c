"""The application: joins settings, server, method and workspace for the command line and the library.

```
command line, library ──▶ program ──▶ session ──▶ run (the method), server, workspace
                          which folder  one run, to its closing event
```

- `program` has the commands on a program: each opens the folder, decides what is to be done, and starts a session.
- `session` runs one task to its outcome: `Session` builds or finishes a program, `ChangeSession` changes one.
- `settings` keeps a run's settings in its record and restores them; `adopt` makes a record for a foreign folder.
- `check` runs the user's check command; `caller` and `interrupts` connect a session to whoever started it.
- `preview`, `report` and `servers` tell about a run or a server without running anything.
"""
