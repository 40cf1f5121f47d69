"""What an analyzer's author must know: Analyzer, Limits, Panel, AlertPolicy, Finding, Window."""
