"""The dashboard: pages over a results folder. They read what was kept, and change nothing."""
