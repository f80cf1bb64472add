"""The one form of the shop."""

from __future__ import annotations

from django import forms


class AddressForm(forms.Form):
    """Who gets the parcel, and the confirmation."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "email"}))
