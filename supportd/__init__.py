"""supportd: the backend between an app's in-app support SDK and Intercom."""

__version__ = "0.1.0"
