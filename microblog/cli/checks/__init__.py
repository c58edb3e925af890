"""Checks of `microblog check`: can the site run, does its mail arrive, is it configured safely."""
