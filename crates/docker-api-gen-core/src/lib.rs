//! Run time shared by every generated Docker Engine API client.
