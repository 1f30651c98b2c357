"""The work in the user's order, without a widget: drawing, adapting, the result, other volumes, saved tasks."""
